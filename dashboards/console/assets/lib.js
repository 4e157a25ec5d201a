export { render, Fragment } from "/assets/vendor/preact.js";
export { useState, useEffect, useRef, useMemo, useCallback } from "/assets/vendor/hooks.js";
import { h } from "/assets/vendor/preact.js";
import htm from "/assets/vendor/htm.js";
export const html = htm.bind(h);
