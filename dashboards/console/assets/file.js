// A page of one file has no server: what would be asked stands in it, for one span
// and with nothing chosen.
const text = document.getElementById("stored")?.textContent;
export const stored = text ? JSON.parse(text) : undefined;

// kept is the answer that a page of one file has for a path.
export function kept(path) {
  const [plain] = path.split("?");
  if (plain === "/api/boards") return { version: stored.version, boards: stored.boards };
  if (plain === "/api/state") return stored.state;
  return stored.answers[plain];
}

// here is the address that says what is shown: in a file, what follows its #.
export function here() {
  return stored ? new URL(location.hash.slice(1) || "/", "http://file") : location;
}
