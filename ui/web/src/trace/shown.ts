/** What is to be shown of a trace, and what a reader does to its tree. Types and one default. */

export type Only = "all" | "matches" | "errors" | "critical";

export interface Shown {
  /** The span that is the root of what is shown (`referenceOf`); empty shows the whole trace. */
  readonly root: string;
  readonly hiddenServices: readonly string[];
  readonly only: Only;
  /** Siblings of the same service and name fold from this number on; 0 folds nothing. */
  readonly foldFrom: number;
  /** Times with clock skew taken out. */
  readonly adjusted: boolean;
}

export const SHOW_ALL: Shown = {
  root: "",
  hiddenServices: [],
  only: "all",
  foldFrom: 5,
  adjusted: false,
};

export type Action =
  | { readonly kind: "none" }
  | { readonly kind: "toggle"; readonly node: number }
  | { readonly kind: "level"; readonly close: boolean }
  | { readonly kind: "all"; readonly close: boolean }
  | { readonly kind: "reveal"; readonly node: number };
