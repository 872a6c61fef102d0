/** Find in a trace: what can be found without the server, by name, service and span id. */
import { rowOfReference, type Skeleton } from "./skeleton";
import type { Forest } from "./tree";

/** By row: 1 where the service, the operation, or `service operation` contains the text. */
export function matchNames(skeleton: Skeleton, text: string): Uint8Array {
  const matched = new Uint8Array(skeleton.count);
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return matched;
  const services = skeleton.services.map((service) => service.toLowerCase());
  const names = skeleton.names.map((name) => name.toLowerCase());
  const inService = services.map((service) => service.includes(wanted));
  const inName = names.map((name) => name.includes(wanted));
  const spread = wanted.includes(" ");
  for (let row = 0; row < skeleton.count; row++) {
    const service = skeleton.service[row]!;
    const name = skeleton.name[row]!;
    if (inService[service] || inName[name]) matched[row] = 1;
    else if (spread && `${services[service]} ${names[name]}`.includes(wanted)) matched[row] = 1;
  }
  const byId = rowOfReference(skeleton, wanted);
  if (byId >= 0) matched[byId] = 1;
  return matched;
}

/** The matched rows in the order of the tree. */
export function inTreeOrder(forest: Forest, matched: Uint8Array): Int32Array {
  let count = 0;
  for (const value of matched) count += value;
  const ordered = new Int32Array(count);
  let length = 0;
  for (const node of forest.order) {
    if (node < forest.spans && matched[node] === 1) ordered[length++] = node;
  }
  return ordered;
}

/** By node: the rows, and the folds that hold one of them. */
export function withFolds(forest: Forest, rows: Uint8Array): Uint8Array {
  const nodes = new Uint8Array(forest.nodes);
  for (let row = 0; row < forest.spans; row++) {
    if (rows[row] !== 1) continue;
    nodes[row] = 1;
    const above = forest.parent[row]!;
    if (forest.markers[above - forest.spans] === "fold") nodes[above] = 1;
  }
  return nodes;
}

/**
 * The nearest of `ordered` (nodes in tree order) after or before `from`, going round; -1 when none is
 * reachable. `allowed` leaves out what a filter hides.
 */
export function nextInOrder(
  forest: Forest,
  ordered: Int32Array,
  from: number,
  step: 1 | -1,
  allowed: (node: number) => boolean,
): number {
  const length = ordered.length;
  if (length === 0) return -1;
  const place = from >= 0 ? forest.position[from]! : -1;
  let at = firstAfter(forest, ordered, place);
  if (step === -1)
    at = from >= 0 && forest.position[ordered[at - 1] ?? -1] === place ? at - 2 : at - 1;
  for (let tried = 0; tried < length; tried++, at += step) {
    const node = ordered[((at % length) + length) % length]!;
    if (allowed(node)) return node;
  }
  return -1;
}

/** Index of the first of `ordered` that comes after the place in the preorder. */
export function firstAfter(forest: Forest, ordered: Int32Array, place: number): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (forest.position[ordered[middle]!]! <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}
