"use strict";
// Numbers, shapes and arrays as text, exactly as Python writes them in pictures and sentences; pieces of the page.

const byId = id => document.getElementById(id);

function make(name, content, className) {
  const e = document.createElement(name);
  if (className) e.className = className;
  for (const part of [content].flat()) if (part !== undefined && part !== null) e.append(part);
  return e;
}

function rounded(x, n) { // its n digits and its exponent; a tie goes to the even digit, as in Python
  const [mantissa, exponent] = x.toExponential(n - 1).split("e"), [exact, low] = x.toExponential(n + 40).split("e");
  const digits = exact.replace(/\D/g, ""), tie = /^50*$/.test(digits.slice(n));
  if (!tie || +digits[n - 1] % 2) return [mantissa, +exponent];
  return [(x < 0 ? "-" : "") + digits[0] + (n > 1 ? "." + digits.slice(1, n) : ""), +low]; // JavaScript has rounded up
}

const trimmed = text => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

function general(x, n) { // a number with n digits: Python's format "g"
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [mantissa, exponent] = rounded(x, n);
  if (exponent < -4 || exponent >= n) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${trimmed(mantissa)}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  return trimmed(Number(`${mantissa}e${exponent}`).toFixed(n - 1 - exponent));
}

function short(x) { // three digits, as one writes by hand
  if (typeof x === "boolean") return x ? "True" : "False";
  if (typeof x === "bigint") return String(x);
  if (typeof x === "string") return complexText(x);
  if (Number.isNaN(x)) return "NaN";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1000 && size < 100000 ? general(x, Math.floor(Math.log10(size)) + 1) : general(x, 3);
  return (text.includes("e") && size >= 1000 && size < 100000 ? x.toFixed(0) : text).replace("e+0", "e").replace("e+", "e");
}

function complexText(text) { // "(1.25+0.5j)"
  const parts = text.match(/^\(?(-?(?:[\d.]+(?:e[-+]\d+)?|nan|inf))??([-+]?(?:[\d.]+(?:e[-+]\d+)?|nan|inf))j\)?$/);
  if (!parts) return text;
  const imaginary = general(+parts[2], 3);
  return general(+(parts[1] || 0), 3) + (imaginary.startsWith("-") ? "" : "+") + imaginary + "j";
}

const spoken = x => (typeof x === "boolean" ? (x ? "True" : "False") : typeof x === "number" ? general(x, 5) : String(x));
const full = x => (typeof x === "number" ? String(+x.toPrecision(7)) : spoken(x));
const brief = x => (typeof x === "number" ? String(+x.toPrecision(3)) : spoken(x));
const counted = n => n.toLocaleString("en");
const plural = (n, word) => `${counted(n)} ${word}${n === 1 ? "" : "s"}`;
const shapeText = shape => (shape ? (shape.length ? shape.join("×") : "scalar") : "");
const cut = (text, width = 40) => (text.length <= width ? text : text.slice(0, width - 1) + "…");
const asHtml = text =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#x27;").replace(/\\/g, "\\\\");

const listed = numbers =>
  numbers.length === 1 ? spoken(numbers[0]) : "[" + numbers.slice(0, 4).map(spoken).join(", ") + (numbers.length > 4 ? ", …]" : "]");

const faultsOf = values =>
  [[values.nans, "NaN"], [values.infinities, "inf"]].filter(([n]) => n).map(([n, word]) => `${counted(n)} ${word}`).join(" and ");

function arrayText(values) { // in a box: the elements if they are few, otherwise their range
  if (values.numbers && values.size === 1) return short(values.numbers[0]);
  if (values.numbers && values.size > 0 && values.size <= 4) return "[" + values.numbers.map(short).join(", ") + "]";
  if (values.nans || values.infinities) return faultsOf(values);
  return values.size ? `${short(values.low)} to ${short(values.high)}` : "nothing";
}

function sentenceText(values, shape) { // in a sentence
  if (!values) return "";
  if (values.unknown) return "?";
  if (values.numbers && values.size <= 4) return listed(values.numbers);
  if (values.nans || values.infinities) return arrayText(values);
  return `${shapeText(shape) || "parts"} of norm ${general(values.norm, 4)}`;
}
