import { useState } from "react";
import { giveToken, tokenRequest } from "../api/token";
import { Button } from "../kit/Button";
import { Dialog } from "../kit/Dialog";
import { Input } from "../kit/Input";
import { useStore } from "../kit/store";
import styles from "./Shell.module.css";

/** Asks for the bearer token when the server wants one. */
export function TokenDialog() {
  const request = useStore(tokenRequest);
  const [token, setToken] = useState("");
  return (
    <Dialog title="This server wants a token" open={request !== null} onClose={() => {}}>
      <form
        className={styles.token}
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== "") giveToken(token.trim());
          setToken("");
        }}
      >
        <p>
          {request?.wrong
            ? "The server did not accept that token."
            : "Requests must carry a bearer token. It is kept in this tab only."}
        </p>
        <Input
          label="Bearer token"
          type="password"
          mono
          autoFocus
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <Button type="submit" look="primary" disabled={token.trim() === ""}>
          Continue
        </Button>
      </form>
    </Dialog>
  );
}
