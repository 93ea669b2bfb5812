package main

func Example() {
	main()
	// Output:
	// now: order-2
	// now: order-3
	// mailed: [order-1 order-2 order-3]
	// fed: order-1 <nil>
	// fed: order-2 <nil>
	// fed: order-3 <nil>
}
