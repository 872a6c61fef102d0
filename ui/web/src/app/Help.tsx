import { Dialog } from "../kit/Dialog";
import { grouped } from "../kit/group";
import { useStore } from "../kit/store";
import { type Binding, keySigns } from "./chords";
import styles from "./Help.module.css";
import { setSingleKeys, singleKeys, useBindings } from "./keys";

const FIELDS: [string, string][] = [
  ["service:checkout status:error", "both are true"],
  ["duration>250ms http.response.status_code>=500", "comparisons, durations with units"],
  ['"card declined"', "text anywhere"],
  ["-health  NOT k8s.pod.name:web-1", "leave out"],
  ["(a OR b)  key:*  key:va*", "either; has the key; begins with"],
  ["resource.k8s.pod.name:x  span.http.route:x", "an attribute at one level"],
  ["trace.duration>1s  trace.errors>0", "about the whole trace"],
];

/** All keys that do something now, and how queries are written. */
export default function Help({ onClose }: { onClose(): void }) {
  const bindings = useBindings();
  const on = useStore(singleKeys);
  const groups = grouped(bindings, (binding) => binding.group);
  return (
    <Dialog title="Help and keys" open onClose={onClose} className={styles.help}>
      <div className={styles.body}>
        <div className={styles.groups}>
          {[...groups].map(([name, group]) => (
            <Group key={name} name={name} bindings={group} />
          ))}
        </div>
        <section>
          <h3>Queries</h3>
          <dl className={styles.queries}>
            {FIELDS.map(([example, meaning]) => (
              <div key={example}>
                <dt>
                  <code>{example}</code>
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
        </section>
        <label className={styles.switch}>
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => setSingleKeys(event.target.checked)}
          />
          Keys without Ctrl or ⌘ are on
        </label>
      </div>
    </Dialog>
  );
}

function Group({ name, bindings }: { name: string; bindings: Binding[] }) {
  return (
    <section>
      <h3>{name}</h3>
      <dl className={styles.keys}>
        {bindings.map((binding) => (
          <div key={binding.keys}>
            <dt>{binding.name}</dt>
            <dd>
              {keySigns(binding.keys).map((sign, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the signs of one binding stay
                <kbd key={at}>{sign}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
