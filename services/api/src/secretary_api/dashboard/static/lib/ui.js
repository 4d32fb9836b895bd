// Everything that a page needs to draw itself.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { Fragment, render, createContext } from "preact";
export { useCallback, useContext, useEffect, useErrorBoundary, useId, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";

/** Join the class names that are set: `classes("card", isOpen && "open")`. */
export const classes = (...names) => names.filter(Boolean).join(" ");
