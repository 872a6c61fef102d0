/**
 * The minimap's picture: every span of the tree, in tree order, as pixels. Written into one buffer by
 * the worker, since a rectangle per span takes 30 times as long (UI.md section 2).
 */
import { endOf, type Skeleton, STATUS_ERROR } from "./skeleton";
import type { Forest } from "./tree";

export interface OverviewStyle {
  /** Device pixels. */
  readonly width: number;
  readonly height: number;
  /** By service; 0xAABBGGRR, as ImageData has it on little-endian machines. */
  readonly colours: Uint32Array;
  readonly error: number;
  /** Device pixels at the foot that mark where errors begin. */
  readonly errorStrip: number;
  /** Greatest height of one span's lane. */
  readonly laneMax: number;
}

export interface OverviewInput {
  readonly forest: Forest;
  readonly skeleton: Skeleton;
  readonly start: Float64Array;
  readonly root: number;
  readonly hidden: Uint8Array | null;
  readonly from: number;
  readonly to: number;
}

export function paintOverview(
  input: OverviewInput,
  style: OverviewStyle,
): Uint8ClampedArray<ArrayBuffer> {
  const { forest, skeleton, start, hidden } = input;
  const { width, height, colours } = style;
  const pixels = new Uint32Array(width * height);
  const firstPlace = input.root >= 0 ? forest.position[input.root]! : 0;
  const lastPlace = input.root >= 0 ? firstPlace + forest.size[input.root]! : forest.nodes;
  let lanes = 0;
  for (let place = firstPlace; place < lastPlace; place++) {
    const node = forest.order[place]!;
    if (node < forest.spans && hidden?.[node] !== 1) lanes++;
  }
  const rowsHeight = height - style.errorStrip;
  const lane = Math.min(style.laneMax, rowsHeight / Math.max(1, lanes));
  const thick = Math.max(1, Math.floor(lane) - (lane >= 3 ? 1 : 0));
  const scale = width / Math.max(1, input.to - input.from);
  let index = 0;
  for (let place = firstPlace; place < lastPlace; place++) {
    const row = forest.order[place]!;
    if (row >= forest.spans || hidden?.[row] === 1) continue;
    const y = Math.min(rowsHeight - thick, Math.floor(index++ * lane));
    const left = Math.max(0, Math.floor((start[row]! - input.from) * scale));
    const right = Math.min(
      width,
      Math.max(left + 1, Math.ceil((endOf(start, skeleton.duration, row) - input.from) * scale)),
    );
    if (left >= width || right <= 0) continue;
    const colour = colours[skeleton.service[row]!] ?? 0;
    for (let line = Math.max(0, y); line < y + thick; line++)
      pixels.fill(colour, line * width + left, line * width + right);
    if (skeleton.status[row] !== STATUS_ERROR) continue;
    for (let line = rowsHeight; line < height; line++) {
      pixels.fill(style.error, line * width + left, line * width + Math.min(width, left + 2));
    }
  }
  return new Uint8ClampedArray(pixels.buffer);
}
