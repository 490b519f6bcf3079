/** Lists that the studio gives in pages. */

interface Page<T> {
  data: T[];
  next_cursor: string | null;
  has_more: boolean;
}

/** Read page after page, `most` of them at the utmost. */
export async function allPages<T>(load: (cursor: string | null) => Promise<Page<T>>, most = 10): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  for (let count = 0; count < most; count += 1) {
    const page: Page<T> = await load(cursor);
    found.push(...page.data);
    if (!page.has_more) break;
    cursor = page.next_cursor;
  }
  return found;
}
