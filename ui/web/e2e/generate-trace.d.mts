export interface Shape {
  spans?: number;
  depth?: number;
  services?: number;
  seed?: number;
  errors?: number;
  orphans?: number;
  cycles?: number;
  skew?: number;
}
export function generateTrace(shape?: Shape): object[];
export function postTrace(
  url: string,
  made: object[],
  options: { traceId: string; start: bigint; seed?: number },
): Promise<void>;
