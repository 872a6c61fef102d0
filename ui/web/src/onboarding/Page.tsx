import Guide from "./Guide";

export function Page() {
  return <Guide />;
}
