/**
 * Version of the rendering rules in this folder. Raise it when the same image streams would give other documents:
 * a program with older rules then never publishes over newer ones, and one with newer rules renders anew.
 */
export const RULES = 3;
