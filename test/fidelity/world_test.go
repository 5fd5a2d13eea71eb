package fidelity

import "context"

// prepareDecoy gives the decoy the image the scenarios use.
func prepareDecoy(d decoy) error {
	return post(context.Background(), d, "/images/create?fromImage=busybox&tag=latest", nil)
}
