package request_test

type PriceAsked struct{ SKU string }

type Price struct {
	SKU   string
	Cents int64
}
