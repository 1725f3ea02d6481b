import sharp from "sharp";

let configured = false;

/**
 * One thread a picture and no cache of operations: loaders decode several pictures at once and keep what they need
 * themselves. Only the loaders of the formats that are decoded here stay open, so that no file can reach another one
 * (libvips' own format, or whatever a libvips of the user's brings: ImageMagick, PDF).
 */
export function configureSharp(): void {
  if (configured) return;
  configured = true;
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ["VipsForeignLoad"] });
  const loaders = ["Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff", "Svg"];
  sharp.unblock({ operation: loaders.map((name) => `VipsForeignLoad${name}`) });
}
