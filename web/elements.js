// Elements that are made of text alone: whatever stands in a name or a story, it is never markup.

export const $ = (selector, root = document) => root.querySelector(selector);

/** An element: ``tag.class``, its properties, attributes and ``on…`` listeners, and children that are nodes or text. */
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split("."), made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.includes("-") && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** An element of a drawing. */
export function draw(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Have a screen reader say something. */
export function say(text) { $("#say").textContent = text; }
