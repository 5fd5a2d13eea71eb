package engineapi

type table struct{}
