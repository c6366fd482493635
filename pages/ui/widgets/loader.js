// Loads files of this server once per page, and Plotly for everything that draws with it.

export const here = (name) => new URL(name, import.meta.url).href;

export function load(tag, attributes) {
  return new Promise((resolve, reject) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.addEventListener("load", resolve);
    node.addEventListener("error", () => reject(new Error(`cannot load ${node.src ?? node.href}`)));
    document.head.append(node);
  });
}

// A module runs once per page, however many components import it.
export const plotted = load("script", { src: here("../plotly.min.js") }).then(() => window.Plotly);
