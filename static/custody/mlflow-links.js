// MLflow's client prints links to pages that MLflow has (/#/experiments/1/runs/<id>). Here they lead to ours, also when
// one must sign in first: the place is kept for this tab until then.
"use strict";

{
  const KEY = "custody-mlflow-link";
  const pages = [
    [/^#\/experiments\/\d+\/runs\/([0-9a-f]{32})/, (found) => `/runs/${found[1]}/`],
    [/^#\/experiments\/(\d+)/, (found) => `/runs/?experiment=${found[1]}`],
    [/^#\/models\/([^/?]+)\/versions\/(\d+)/, (found) => `/models/${found[1]}/versions/${found[2]}/`],
    [/^#\/models\/([^/?]+)/, (found) => `/models/${found[1]}/`],
  ];
  const ours = (hash) => {
    for (const [pattern, page] of pages) {
      const found = pattern.exec(hash);
      if (found) return page(found);
    }
    return null;
  };
  const signingIn = Boolean(document.getElementById("login-form"));
  const wanted = ours(window.location.hash) || sessionStorage.getItem(KEY);
  if (wanted && signingIn) sessionStorage.setItem(KEY, wanted);
  else if (wanted) {
    sessionStorage.removeItem(KEY);
    window.location.replace(wanted);
  }
}
