/** What can be chosen on the traces page. */
import type { TraceSort } from "../api/types";
import type { Field } from "../kit/fields";
import type { Choice } from "../kit/Select";

export const SORT_CHOICES: Choice<TraceSort>[] = [
  { value: "newest", text: "newest first" },
  { value: "oldest", text: "oldest first" },
  { value: "longest", text: "longest first" },
  { value: "shortest", text: "shortest first" },
  { value: "errors", text: "most errors first" },
];

const every = (name: string, label = name): Field => ({ name, key: name, label, count: null });

/** Fields that every span has. */
export const BUILTIN = [
  every("service"),
  every("name", "operation"),
  every("kind"),
  every("status"),
];
