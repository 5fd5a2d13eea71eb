package fidelity

// objects holds what needs an image and containers.
var objects = []Scenario{}
