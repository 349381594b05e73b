module treering/benches/peers/iavl

go 1.24.0

require (
	cosmossdk.io/core v1.0.0
	github.com/cosmos/iavl v1.3.6
	github.com/cosmos/ics23/go v0.11.0
)

require (
	github.com/cosmos/gogoproto v1.7.0 // indirect
	github.com/emicklei/dot v1.6.2 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/snappy v0.0.4 // indirect
	github.com/google/btree v1.1.2 // indirect
	github.com/google/go-cmp v0.6.0 // indirect
	github.com/syndtr/goleveldb v1.0.1-0.20210819022825-2ae1ddf74ef7 // indirect
	golang.org/x/crypto v0.26.0 // indirect
	golang.org/x/sys v0.23.0 // indirect
	google.golang.org/protobuf v1.34.2 // indirect
)
