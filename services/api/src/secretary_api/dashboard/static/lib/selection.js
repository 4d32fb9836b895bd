// The selected rows of a table.
import { useEffect, useState } from "./ui.js";

/** Return `{ids, has, toggle, toggleAll, clear}`; the selection ends when *key* changes. */
export function useSelection(key) {
  const [ids, setIds] = useState(new Set());
  const clear = () => setIds(new Set());
  useEffect(clear, [key]);
  const change = (changed, isSelected) => {
    const next = new Set(ids);
    for (const id of changed) {
      if (isSelected) next.add(id);
      else next.delete(id);
    }
    setIds(next);
  };
  return {
    ids,
    has: (id) => ids.has(id),
    toggle: (id) => change([id], !ids.has(id)),
    toggleAll: change,
    clear,
  };
}
