package main

func Example() {
	main()
	// Output:
	// booked 4A in train-OX1 at revision 1
	// left: 2 <nil>
	// left: 2 <nil>
	// free: 2
}
