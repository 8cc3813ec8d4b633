package token

var ParseSet = parseSet
