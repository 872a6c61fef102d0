/** Rows and cells of tables whose rows stand at computed places, where `<tr>` and `<td>` cannot. */
import type { ComponentProps } from "react";

interface RowProps extends ComponentProps<"div"> {
  /** Place in the whole table, the heading being 1. */
  index?: number;
}

export function Row({ index, ...rest }: RowProps) {
  // biome-ignore lint/a11y/useSemanticElements: see the top
  // biome-ignore lint/a11y/useFocusableInteractive: the controls in it have the focus
  return <div role="row" aria-rowindex={index} {...rest} />;
}

export function Cell(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see the top
  return <div role="cell" {...props} />;
}

export function HeadCell(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see the top
  // biome-ignore lint/a11y/useFocusableInteractive: nothing can be done with it
  return <div role="columnheader" {...props} />;
}

export function RowGroup(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see the top
  return <div role="rowgroup" {...props} />;
}
