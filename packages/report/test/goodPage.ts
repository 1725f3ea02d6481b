/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Page } from "playwright-core";
import type { OpenedPage } from "./browser.js";

/** The screens that pages are opened on. */
export const desktop = { viewport: { width: 1280, height: 900 } };
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** What is drawn on a page that has no size, an image that could not be decoded, or a text of no width. */
export function withoutSize(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("img, svg[role=img], figure, table, h1, h2, .label")]
      .filter((element) => element.checkVisibility() && element.closest("details") === null)
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        const least = element.matches("h1, h2, .label") ? 4 : 20;
        return (
          width < least ||
          height < least ||
          (element instanceof HTMLImageElement && element.naturalWidth === 0)
        );
      })
      .map((element) => element.outerHTML.slice(0, 200)),
  );
}

/** What every report has to keep to, at any width. */
export async function expectGood({ page, complaints, requests }: OpenedPage): Promise<void> {
  expect(await withoutSize(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBe(0);
  expect(await page.locator("[onerror]").count()).toBe(0);
  const drawn = page.locator(".line, .raw, .dots");
  expect(
    await drawn.evaluateAll((paths) => paths.map((path) => getComputedStyle(path).stroke)),
  ).not.toContain("none");
  const anchors = await page
    .locator("nav a")
    .evaluateAll((links) => links.map((link) => link.getAttribute("href")!));
  expect(anchors.length).toBeGreaterThanOrEqual(3);
  for (const anchor of anchors) expect(await page.locator(`section${anchor} h2`).count()).toBe(1);
  expect(complaints).toEqual([]);
  expect(requests).toEqual([]);
}
