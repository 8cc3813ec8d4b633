package e2e

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axeRules are the rules that the page keeps: WCAG 2.0 to 2.2, levels A and AA,
// and what axe calls best practice.
const axeRules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`

// axeSource returns the source of axe-core.
func axeSource(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(fromNPM(t, "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return string(b)
}

// accessible fails if axe finds anything wrong with what is shown.
func (p *page) accessible(axe, state string) {
	p.t.Helper()
	p.still()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](axe+`;
		axe.run(document, { runOnly: `+axeRules+` }).then((r) => r.violations.flatMap((v) => v.nodes.map((n) =>
			v.id + ": " + v.help + "\n  " + n.target.join(" ") + "\n  " + n.html.slice(0, 300) + "\n  " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, "%s: %s", p.name, state)
	if len(found) > 0 {
		p.picture("axe-" + strings.ReplaceAll(state, " ", "-"))
		p.t.Errorf("%s: %d violations\n%s", state, len(found), strings.Join(found, "\n"))
	}
}

// still waits for transitions to end: a colour on its way has another contrast.
func (p *page) still() {
	p.t.Helper()
	p.until("nothing moves", `document.getAnimations().every((a) => a.effect.getComputedTiming().iterations === Infinity)`)
}
