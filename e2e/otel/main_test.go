package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/carlware/gochat/chat"
)

func TestSpansAndMetrics(t *testing.T) {
	recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	hooks, err := newTrace(trace.NewTracerProvider(trace.WithSpanProcessor(recorder)), metric.NewMeterProvider(metric.WithReader(reader)))
	require.NoError(t, err)
	require.NoError(t, talk(t.Context(), hooks))
	hooks.Answered("poll", chat.CallFailed, 3*time.Second)

	spans := map[string]trace.ReadOnlySpan{}
	for _, s := range recorder.Ended() {
		spans[s.Name()] = s
	}
	require.Contains(t, spans, "store created")
	require.Contains(t, spans["store message"].Attributes(), attribute.Bool("gochat.duplicate", false))
	require.Contains(t, spans["command /time"].Attributes(), attribute.String("gochat.status", "done"))
	require.Equal(t, codes.Unset, spans["command /time"].Status().Code)
	slow := spans["command /poll"]
	require.Equal(t, 3*time.Second, slow.EndTime().Sub(slow.StartTime()), "it began when the command did")
	require.Equal(t, codes.Error, slow.Status().Code)

	var got metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &got))
	require.Len(t, got.ScopeMetrics, 1)
	for _, m := range got.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			want := map[string]int64{"gochat.refused": 1, "gochat.deliveries": 3, "gochat.sessions": 0}
			require.Equal(t, want[m.Name], data.DataPoints[0].Value, m.Name)
		case metricdata.Histogram[float64]:
			require.Equal(t, "s", m.Unit, m.Name)
			require.NotZero(t, data.DataPoints[0].Count, m.Name)
		}
	}
	require.Len(t, got.ScopeMetrics[0].Metrics, 6)
}

func TestWhatTheProgramPrints(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, want := range []string{`"Name": "store message"`, `"Name": "command /time"`, `"Name": "gochat.write.duration"`, `"empty"`} {
		require.True(t, strings.Contains(out.String(), want), want)
	}
	require.False(t, strings.Contains(out.String(), "ann"), "no attribute has a user")
}
