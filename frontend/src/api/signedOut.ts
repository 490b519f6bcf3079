/** The studio no longer knows who is asking; whoever shows the page wants to hear of it. */
const news = new EventTarget();

export function whenSignedOut(act: () => void): void {
  news.addEventListener("signedout", act);
}

/** Tell of an answer's status. */
export function noteStatus(status: number): void {
  if (status === 401) news.dispatchEvent(new Event("signedout"));
}
