package admin

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// grace is how long a request under way may take when the program ends.
const grace = time.Second

// Report is the answer of /stats.
type Report struct {
	Process Process `json:"process"`
	Chat    any     `json:"chat,omitempty"`
}

// Process is what is known of any program.
type Process struct {
	Program    string    `json:"program"`
	Version    string    `json:"version"`            // of the module; (devel) for a build from its sources
	Revision   string    `json:"revision,omitempty"` // of the sources, where the build knows it
	Go         string    `json:"go"`
	Started    time.Time `json:"started"`
	Seconds    int64     `json:"seconds"` // since then
	Goroutines int       `json:"goroutines"`
	Ready      bool      `json:"ready"`
	Why        string    `json:"why,omitempty"` // it is not ready
}

var started = time.Now()

func (c Config) report(ctx context.Context) Report {
	p := Process{
		Program: c.Program, Go: runtime.Version(), Started: started.UTC().Truncate(time.Second),
		Seconds: int64(time.Since(started).Seconds()), Goroutines: runtime.NumGoroutine(), Ready: true,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		p.Version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				p.Revision = s.Value
			}
		}
	}
	if c.Ready != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := c.Ready(ctx); err != nil {
			p.Ready, p.Why = false, err.Error()
		}
	}
	r := Report{Process: p}
	if c.Report != nil {
		r.Chat = c.Report()
	}
	return r
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>{{.Program}}</title>
<h1>{{.Program}}</h1>
<p><a href="stats">JSON</a> · <a href="metrics">metrics</a> · <a href="debug/pprof/">profiles</a></p>
<pre>{{.Text}}</pre>
</html>
`))

// page shows the report to people. It needs no script and no style.
func (c Config) page(w http.ResponseWriter, r *http.Request) error {
	text, err := json.MarshalIndent(c.report(r.Context()), "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Execute(w, struct{ Program, Text string }{c.Program, string(text)})
}
