// Package stock answers "/stock=aapl.us" with "AAPL.US quote is $93.42 per
// share."
//
// [NewBot] is the bot. It takes its quotes from a [Provider]:
//
//   - [Sample] makes them up, always the same, without a network. It is there
//     for demonstrations and tests, and its answers say so.
//   - [Stooq] asks a server that speaks the CSV of stooq.com.
//   - [Finnhub] asks finnhub.io, with a key.
//   - [Fallback] asks several providers in turn.
//   - [Cached] keeps the quotes of another provider for a while, and protects
//     its source.
//
// The bot is fast in the chat's own process and queued in any other one:
//
//	node, err := chat.New(&chat.Options{Commands: stock.NewBot(stock.Sample{}, nil)})
//
//	err := stock.NewBot(provider, nil).Run(ctx, broker)
//
// Another source is a type with one method. It must give prices as they were
// quoted, without a detour through floating point, and an error rather than a
// price of 0.
package stock
