import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["static/vendor/**", "types/**", "var/**", ".venv/**", "node_modules/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    rules: {
      "consistent-return": "error",
      eqeqeq: ["error", "always"],
      "max-lines": ["error", { max: 450 }],
      "max-statements": ["error", 40],
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  { files: ["static/js/**/*.js"], languageOptions: { globals: globals.browser }, rules: { "no-console": "error" } },
  // Only ui/ touches the document: the stores and the client also run in a worker and under Node.
  {
    files: ["static/js/{realtime,presence,metadata,chat}/**/*.js"],
    rules: {
      "no-restricted-globals": ["error", { name: "document", message: "Only static/js/ui touches the document." }],
    },
  },
  { files: ["tests/js/**/*.js", "scripts/**/*.js", "eslint.config.js"], languageOptions: { globals: globals.node } },
];
