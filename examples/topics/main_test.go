package main

func Example() {
	main()
	// Unordered output:
	// kitchen  sensor.kitchen.light {kitchen light 12}
	// kitchen  sensor.kitchen.heat {kitchen heat 35}
	// alarm    sensor.kitchen.heat {kitchen heat 35}
	// hot      sensor.kitchen.heat {kitchen heat 35}
	// alarm    sensor.hall.heat {hall heat 21}
	// alarm    sensor.attic.heat map[room:attic]
}
