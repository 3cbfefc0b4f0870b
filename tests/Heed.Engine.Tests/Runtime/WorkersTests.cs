using Heed.Engine.Runtime;

namespace Heed.Engine.Tests.Runtime;

/// <summary>Every part runs once, whoever takes it; callers share the workers part by part.</summary>
[Collection("Threads")]
public sealed class WorkersTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly struct Count(int[] hits) : IWork
    {
        public void Part(int part) => Interlocked.Increment(ref hits[part]);
    }

    private readonly struct Fail(int[] hits, int at) : IWork
    {
        public void Part(int part)
        {
            Interlocked.Increment(ref hits[part]);
            if (part == at) throw new InvalidOperationException($"part {part}");
        }
    }

    private readonly struct Nest(int[] hits) : IWork
    {
        public void Part(int part) => ComputeContext.Run(new Count(hits), hits.Length);
    }

    /// <summary>Parts that end only together: each needs a thread of its own.</summary>
    private readonly struct Meet(Barrier barrier, int first) : IWork
    {
        public void Part(int part)
        {
            if (part >= first) Assert.True(barrier.SignalAndWait(Patience), "a part got no thread");
        }
    }

    private readonly struct Do(Action<int> part) : IWork
    {
        public void Part(int number) => part(number);
    }

    private static void With(int threads, Action work)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = threads });
        using ContextScope entered = context.Enter();
        work();
    }

    private static void AtOnce(int callers, int threads, Action<int> work)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = threads });
        Exception? failure = null;
        Thread[] all = new Thread[callers];
        for (int i = 0; i < callers; i++)
        {
            int caller = i;
            all[i] = new Thread(() =>
            {
                try
                {
                    using ContextScope entered = context.Enter();
                    work(caller);
                }
                catch (Exception e)
                {
                    failure = e;
                }
            });
        }

        foreach (Thread thread in all) thread.Start();
        foreach (Thread thread in all) thread.Join();
        Assert.Null(failure);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Every_part_runs_exactly_once_however_many_threads(int threads) => With(threads, () =>
    {
        foreach (int parts in (int[])[0, 1, 2, 3, 7, 64, 1000])
        {
            int[] hits = new int[parts];
            for (int call = 0; call < 200; call++) ComputeContext.Run(new Count(hits), parts);
            Assert.All(hits, hit => Assert.Equal(200, hit));
        }
    });

    [Fact]
    public void Workers_that_fell_asleep_wake_up_again() => With(3, () =>
    {
        int[] hits = new int[5];
        for (int call = 0; call < 30; call++)
        {
            ComputeContext.Run(new Count(hits), hits.Length);
            Thread.Sleep(2);
            using Barrier barrier = new(3);
            ComputeContext.Run(new Meet(barrier, 0), 3);
        }

        Assert.All(hits, hit => Assert.Equal(30, hit));
    });

    [Fact]
    public void A_call_alone_has_all_threads() => With(4, () =>
    {
        using Barrier barrier = new(4);
        for (int call = 0; call < 50; call++) ComputeContext.Run(new Meet(barrier, 0), 8);
    });

    [Fact]
    public void Callers_at_once_share_the_workers() => AtOnce(2, threads: 4, caller =>
    {
        // Each call has its caller and at least one worker: no part goes on before another has begun. More may come once the other caller
        // is done.
        for (int call = 0; call < 50; call++)
        {
            int begun = 0;
            ComputeContext.Run(
                new Do(_ =>
                {
                    Interlocked.Increment(ref begun);
                    Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref begun) >= 2, Patience), "no worker came");
                }),
                4);
        }
    });

    [Fact]
    public void A_call_gets_a_worker_as_soon_as_others_have_ended()
    {
        using ManualResetEventSlim begun = new(), ended = new();
        AtOnce(2, threads: 2, caller =>
        {
            if (caller == 0)
            {
                using Barrier barrier = new(2);
                ComputeContext.Run(
                    new Do(part =>
                    {
                        begun.Set();
                        if (part == 0) Assert.True(ended.Wait(Patience));
                        else if (part <= 20) Thread.Sleep(1);
                        else Assert.True(barrier.SignalAndWait(Patience), "the worker did not come");
                    }),
                    23);
                return;
            }

            Assert.True(begun.Wait(Patience));
            int[] hits = new int[4];
            ComputeContext.Run(new Count(hits), hits.Length);
            Assert.All(hits, hit => Assert.Equal(1, hit));
            ended.Set();
        });
    }

    [Fact]
    public void A_worker_takes_one_part_of_each_call_in_turn()
    {
        // Two callers, whose own threads wait, and what the workers do meanwhile.
        const int Steps = 200;
        int[] callers = new int[2], byWorkers = new int[2];
        using CountdownEvent begun = new(2);
        using ManualResetEventSlim done = new();
        int largest = 0;
        Lock counting = new();
        AtOnce(2, threads: 3, caller =>
        {
            callers[caller] = Environment.CurrentManagedThreadId;
            ComputeContext.Run(
                new Do(_ =>
                {
                    if (Environment.CurrentManagedThreadId == callers[caller])
                    {
                        if (!done.IsSet && !begun.IsSet) begun.Signal();
                        Assert.True(done.Wait(Patience));
                        return;
                    }

                    Assert.True(begun.Wait(Patience));
                    lock (counting)
                    {
                        if (done.IsSet) return;
                        byWorkers[caller]++;
                        largest = Math.Max(largest, Math.Abs(byWorkers[0] - byWorkers[1]));
                        if (byWorkers.Sum() == Steps) done.Set();
                    }
                }),
                10_000);
        });
        Assert.Equal(Steps, byWorkers.Sum());
        // One each in turn, and one that a second worker had begun before the second caller came.
        Assert.InRange(largest, 0, 2);
    }

    [Fact]
    public void Contexts_with_other_numbers_of_threads_do_not_disturb_each_other()
    {
        int[] hits = new int[9];
        for (int call = 0; call < 60; call++) With(1 + (call % 5), () => ComputeContext.Run(new Count(hits), hits.Length));
        Assert.All(hits, hit => Assert.Equal(60, hit));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_exception_of_a_part_reaches_the_caller_and_the_workers_stay_usable(int threads) => With(threads, () =>
    {
        int[] hits = new int[20];
        var error = Assert.Throws<InvalidOperationException>(() => ComputeContext.Run(new Fail(hits, 7), hits.Length));
        Assert.Equal("part 7", error.Message);
        int[] after = new int[20];
        ComputeContext.Run(new Count(after), after.Length);
        Assert.All(after, hit => Assert.Equal(1, hit));
    });

    [Fact]
    public void A_nested_call_runs_inline() => With(3, () =>
    {
        int[] hits = new int[11];
        ComputeContext.Run(new Nest(hits), 6);
        Assert.All(hits, hit => Assert.Equal(6, hit));
    });

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Sixteen_callers_at_once_each_run_every_part_once(int threads)
    {
        int[][] all = [.. Enumerable.Range(0, 16).Select(_ => new int[50])];
        AtOnce(16, threads, caller =>
        {
            for (int i = 0; i < 500; i++) ComputeContext.Run(new Count(all[caller]), all[caller].Length);
        });
        Assert.All(all, mine => Assert.All(mine, hit => Assert.Equal(500, hit)));
    }

    [Fact]
    public void Parts_compute_in_the_context_of_their_caller() => With(3, () =>
    {
        ComputeContext mine = ComputeContext.Current;
        using Barrier barrier = new(3);
        ComputeContext.Run(
            new Do(_ =>
            {
                Assert.Same(mine, ComputeContext.Current);
                Assert.True(barrier.SignalAndWait(Patience));
            }),
            3);
    });

    [Fact]
    public void A_call_allocates_nothing() => With(2, () =>
    {
        int[] hits = new int[8];
        for (int call = 0; call < 100; call++) ComputeContext.Run(new Count(hits), hits.Length);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int call = 0; call < 1000; call++) ComputeContext.Run(new Count(hits), hits.Length);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4096);
    });

    [Fact]
    public void A_context_that_ends_beside_a_call_leaves_it_whole()
    {
        for (int round = 0; round < 20; round++)
        {
            ComputeContext context = new(new ComputeOptions { Threads = 3 });
            int[] hits = new int[200];
            using (context.Enter())
            {
                ComputeContext.Run(new Do(part => { if (part == 50) context.Dispose(); Interlocked.Increment(ref hits[part]); }), hits.Length);
                ComputeContext.Run(new Count(hits), hits.Length);
            }

            Assert.All(hits, hit => Assert.Equal(2, hit));
        }
    }
}
