package stock

import "errors"

// The errors of a [Provider].
var (
	// ErrUnknownSymbol: the source has no price for the symbol.
	ErrUnknownSymbol = errors.New("stock: unknown symbol")
	// ErrQuota: the source answers no more for now.
	ErrQuota = errors.New("stock: quota of the source is used up")
	// ErrBlocked: the source does not let us in: it wants a key, a person or
	// nobody.
	ErrBlocked = errors.New("stock: blocked by the source")
	// ErrUnavailable: the source can't be reached or is broken.
	ErrUnavailable = errors.New("stock: source is unavailable")
	// ErrBadResponse: the source answered something that can't be believed.
	ErrBadResponse = errors.New("stock: bad response of the source")
)
