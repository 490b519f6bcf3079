/** What went wrong, as the studio's problem+json (RFC 9457) tells it. */

interface Detail {
  /** the field or file that it is about */
  place: string;
  message: string;
  hint: string;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function detail(value: unknown): Detail {
  const entry = record(value);
  return {
    place: text(entry["file_name"]) || text(entry["pointer"]),
    message: text(entry["message"]),
    hint: text(entry["hint"]),
  };
}

export class Problem extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly code: string,
    readonly status: number,
    readonly details: readonly Detail[] = [],
    readonly requestId = "",
  ) {
    super(message);
  }

  static unreachable(): Problem {
    return new Problem("The studio does not answer.", "See whether it still runs where you started it.", "unreachable", 0);
  }

  static read(status: number, body: string): Problem {
    let document: Record<string, unknown> = {};
    try {
      document = record(JSON.parse(body));
    } catch {
      // a proxy's HTML page, say; the status is then all that there is to tell
    }
    const errors = document["errors"];
    return new Problem(
      text(document["detail"]) || text(document["title"]) || `The studio answered with status ${status}.`,
      text(document["hint"]),
      text(document["code"]) || `http_${status}`,
      status,
      Array.isArray(errors) ? errors.map(detail) : [],
      text(document["request_id"]),
    );
  }

  static of(cause: unknown): Problem {
    if (cause instanceof Problem) return cause;
    return new Problem(cause instanceof Error ? cause.message : String(cause), "Reload the page.", "page_error", 0);
  }
}
