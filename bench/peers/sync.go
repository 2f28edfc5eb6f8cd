// SPDX-License-Identifier: MIT
//
// bench/sync.c in Go: the same names, the same way.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	times = 1000000
	items = 1000000
	room  = 128
)

func cpu() int64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

func measure(name string, f func(i int)) {
	began := cpu()
	for i := 0; i < times; i++ {
		f(i)
	}
	fmt.Printf("%s %.3f ns\n", name, float64(cpu()-began)/times)
}

func through(c chan int) {
	done := make(chan bool)
	go func() {
		for i := 0; i < items; i++ {
			c <- i
		}
	}()
	go func() {
		for i := 0; i < items; i++ {
			<-c
		}
		done <- true
	}()
	<-done
}

func main() {
	var m sync.Mutex
	var l sync.RWMutex

	runtime.GOMAXPROCS(1)
	// Loops of their own: a closure's call would be a third of it.
	began := cpu()
	for i := 0; i < times; i++ {
		m.Lock()
		m.Unlock()
	}
	fmt.Printf("mutex %.3f ns\n", float64(cpu()-began)/times)
	sem := make(chan struct{}, 1)
	began = cpu()
	for i := 0; i < times; i++ {
		sem <- struct{}{}
		<-sem
	}
	fmt.Printf("sem %.3f ns\n", float64(cpu()-began)/times)
	began = cpu()
	for i := 0; i < times; i++ {
		l.RLock()
		l.RUnlock()
	}
	fmt.Printf("rwlock_read %.3f ns\n", float64(cpu()-began)/times)
	began = cpu()
	for i := 0; i < times; i++ {
		l.Lock()
		l.Unlock()
	}
	fmt.Printf("rwlock_write %.3f ns\n", float64(cpu()-began)/times)

	began = cpu()
	through(make(chan int, room))
	fmt.Printf("chan_buffered %.3f ns\n", float64(cpu()-began)/items)

	var c [8]chan int
	for i := range c {
		c[i] = make(chan int, 1)
	}
	measure("select_8", func(i int) {
		c[i%8] <- i
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		}
	})

	runtime.GOMAXPROCS(2)
	start := time.Now()
	through(make(chan int, room))
	fmt.Printf("chan_threads %.3f ns\n", float64(time.Since(start).Nanoseconds())/items)
}
