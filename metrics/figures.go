package metrics

import "github.com/prometheus/client_golang/prometheus"

// figures is a collector of what something is at when it is asked.
type figures struct {
	all    map[string]*prometheus.Desc
	report func(tell)
}

// tell reports one figure, with the values of its labels.
type tell func(name string, v float64, labels ...string)

// figure describes one. A name that ends with _total is of a counter.
type figure struct {
	name, help string
	labels     []string
}

func newFigures(all []figure, report func(tell)) *figures {
	f := &figures{all: map[string]*prometheus.Desc{}, report: report}
	for _, one := range all {
		f.all[one.name] = prometheus.NewDesc(one.name, one.help, one.labels, nil)
	}
	return f
}

// Describe implements [prometheus.Collector].
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range f.all {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (f *figures) Collect(to chan<- prometheus.Metric) {
	f.report(func(name string, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if isCounter(name) {
			kind = prometheus.CounterValue
		}
		to <- prometheus.MustNewConstMetric(f.all[name], kind, v, labels...)
	})
}

func isCounter(name string) bool {
	const suffix = "_total"
	return len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
