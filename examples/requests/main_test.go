package main

func Example() {
	main()
	// Output:
	// true
	// 2 prices, 2350 in all
	// 100 <nil>
	// 200 <nil>
	// 300 <nil>
}
