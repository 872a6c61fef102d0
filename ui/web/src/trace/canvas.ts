/** A canvas that follows the size of its box and the density of the screen. */

export class SizedCanvas {
  readonly element = document.createElement("canvas");
  readonly context: CanvasRenderingContext2D;
  width = 0;
  height = 0;

  constructor(className: string) {
    this.element.className = className;
    this.element.setAttribute("aria-hidden", "true");
    const context = this.element.getContext("2d");
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
  }

  /** CSS px. Clears the canvas when the size or the density changed. */
  resize(width: number, height: number): void {
    const density = devicePixelRatio;
    const across = Math.max(1, Math.round(width * density));
    const down = Math.max(1, Math.round(height * density));
    this.width = width;
    this.height = height;
    if (this.element.width === across && this.element.height === down) return;
    this.element.width = across;
    this.element.height = down;
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
    this.context.setTransform(density, 0, 0, density, 0, 0);
  }
}

/** Runs `draw` once in the next frame, however often it is asked. */
export class FrameScheduler {
  private pending = 0;

  constructor(private readonly draw: () => void) {}

  request(): void {
    if (this.pending !== 0) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  cancel(): void {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
  }
}
