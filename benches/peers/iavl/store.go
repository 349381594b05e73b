package main

import (
	"runtime/debug"

	corestore "cosmossdk.io/core/store"
	"github.com/cosmos/iavl"
	dbm "github.com/cosmos/iavl/db"
	ics23 "github.com/cosmos/ics23/go"
)

// store is a tree and the database below it.
type store struct {
	db   corestore.KVStoreWithBatch
	tree *iavl.MutableTree
}

func open(c *config) (*store, error) {
	var db corestore.KVStoreWithBatch = dbm.NewMemDB()
	if c.db == "goleveldb" {
		var err error
		if db, err = dbm.NewGoLevelDB("iavl", c.dir); err != nil {
			return nil, err
		}
	}
	tree := iavl.NewMutableTree(db, c.cache, false, iavl.NewNopLogger(), iavl.SyncOption(c.sync))
	if _, err := tree.Load(); err != nil {
		return nil, err
	}
	return &store{db, tree}, nil
}

// save applies the operations one after another and saves a version; the root after it.
func (s *store) save(ops []operation) ([]byte, error) {
	for _, o := range ops {
		var err error
		if o.value == nil {
			_, _, err = s.tree.Remove(o.key)
		} else {
			_, err = s.tree.Set(o.key, o.value)
		}
		if err != nil {
			return nil, err
		}
	}
	root, _, err := s.tree.SaveVersion()
	return root, err
}

// scan counts all keys, in their order.
func (s *store) scan() (uint64, error) {
	items, err := s.tree.Iterator(nil, nil, true)
	if err != nil {
		return 0, err
	}
	var n uint64
	for ; items.Valid(); items.Next() {
		n += uint64(min(len(items.Key())+len(items.Value()), 1))
	}
	if err := items.Error(); err != nil {
		return 0, err
	}
	return n, items.Close()
}

func verify(proof *ics23.CommitmentProof, root, key, value []byte) bool {
	return ics23.VerifyMembership(ics23.IavlSpec, root, proof, key, value)
}

func (s *store) close() error {
	// This does not close the database.
	if err := s.tree.Close(); err != nil {
		return err
	}
	return s.db.Close()
}

func iavlVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/cosmos/iavl" {
				return dep.Version
			}
		}
	}
	return "of unknown version"
}
