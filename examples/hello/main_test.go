package main

func Example() {
	main()
	// Output: order.placed 42
}
