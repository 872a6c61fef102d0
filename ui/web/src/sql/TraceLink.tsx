import { Link } from "@tanstack/react-router";

type Props = { trace: string; span?: string | undefined; text: string };

/** An id that leads to its trace, at its span when there is one. */
export function TraceLink({ trace, span, text }: Props) {
  return (
    <Link
      to="/traces/$id"
      params={{ id: trace }}
      search={span === undefined ? {} : { span }}
      tabIndex={-1}
    >
      {text}
    </Link>
  );
}
