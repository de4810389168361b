// Percentages as people write them, with the sign: "80%", "12.5%".

const PATTERN = /^(\d{1,3}(?:\.\d{1,3})?)%$/

/** Of 1% to 100%. */
export function isPercentage(text: string): boolean {
  const percent = Number(PATTERN.exec(text)?.[1])
  return percent >= 1 && percent <= 100
}

/** That part of a whole, a whole number. */
export const percentageOf = (text: string, whole: number): number => Math.floor(whole * (Number.parseFloat(text) / 100))
