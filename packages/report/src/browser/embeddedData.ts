/**
 * Reads what the page holds for a drawing: JSON in the element behind it.
 *
 * @typeParam Data What the page's writer put there.
 */
export function embeddedData<Data>(drawing: Element): Data {
  return JSON.parse(drawing.nextElementSibling!.textContent!) as Data;
}
