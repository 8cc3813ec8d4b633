package rabbitmq

import amqp "github.com/rabbitmq/amqp091-go"

// A settlement that does not get out is one of a session that is over: the
// broker delivers the message again, and nothing is to be done about it.

// ack is "done".
func ack(d *amqp.Delivery) { _ = d.Ack(false) }

// repeat is "failed": it counts as an attempt. Not by Nack, which newer servers
// don't count.
func repeat(d *amqp.Delivery) { _ = d.Reject(true) }

// giveBack is "not tried".
func giveBack(d *amqp.Delivery) { _ = d.Nack(false, true) }

// setAside is "never again": a dead letter, where the queue has a place for
// them.
func setAside(d *amqp.Delivery) { _ = d.Reject(false) }
