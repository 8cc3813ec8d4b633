package stock

import (
	"context"
	"errors"
	"fmt"
)

// Fallback returns a [Provider] that asks providers in their order until one
// has a quote. When none has, its error is [ErrUnknownSymbol] if all of them say
// so, else the first other one: a source that is down may know the symbol.
//
// Each is given the time that is left, so one that hangs leaves less to the
// next: those of this package give up after 5 s, Stooq's included. A provider
// that panics takes the call with it. Fallback without providers panics.
func Fallback(providers ...Provider) Provider {
	if len(providers) == 0 {
		panic("stock: Fallback of no providers")
	}
	return fallback(append([]Provider(nil), providers...))
}

type fallback []Provider

func (f fallback) Quote(ctx context.Context, symbol string) (Quote, error) {
	var unknown, failed error
	for _, p := range f {
		q, err := p.Quote(ctx, symbol)
		switch {
		case err == nil && q.Price.IsPositive():
			return q, nil
		case err == nil:
			err = fmt.Errorf("%w: price %s", ErrBadResponse, q.Price)
			fallthrough
		case !errors.Is(err, ErrUnknownSymbol):
			if failed == nil {
				failed = err
			}
		case unknown == nil:
			unknown = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if failed != nil {
		return Quote{}, failed
	}
	return Quote{}, unknown
}
