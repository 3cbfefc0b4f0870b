using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Tensors;

[Collection("Threads")]
public sealed class WorkerPoolTests : IDisposable
{
    private readonly int _threads = WorkerPool.Threads;

    public void Dispose() => WorkerPool.Threads = _threads;

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
        public void Part(int part) => WorkerPool.Run(new Count(hits), hits.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Every_part_runs_exactly_once_however_many_threads(int threads)
    {
        WorkerPool.Threads = threads;
        foreach (int parts in (int[])[0, 1, 2, 3, 7, 64, 1000])
        {
            int[] hits = new int[parts];
            for (int call = 0; call < 200; call++) WorkerPool.Run(new Count(hits), parts);
            Assert.All(hits, hit => Assert.Equal(200, hit));
        }
    }

    [Fact]
    public void Workers_that_fell_asleep_wake_up_again()
    {
        WorkerPool.Threads = 3;
        int[] hits = new int[5];
        for (int call = 0; call < 30; call++)
        {
            WorkerPool.Run(new Count(hits), hits.Length);
            Thread.Sleep(2);
        }

        Assert.All(hits, hit => Assert.Equal(30, hit));
    }

    [Fact]
    public void The_number_of_threads_may_change_between_calls()
    {
        int[] hits = new int[9];
        for (int call = 0; call < 60; call++)
        {
            WorkerPool.Threads = 1 + (call % 5);
            WorkerPool.Run(new Count(hits), hits.Length);
        }

        Assert.All(hits, hit => Assert.Equal(60, hit));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_exception_of_a_part_reaches_the_caller_and_the_pool_stays_usable(int threads)
    {
        WorkerPool.Threads = threads;
        int[] hits = new int[20];
        var error = Assert.Throws<InvalidOperationException>(() => WorkerPool.Run(new Fail(hits, 7), hits.Length));
        Assert.Equal("part 7", error.Message);
        int[] after = new int[20];
        WorkerPool.Run(new Count(after), after.Length);
        Assert.All(after, hit => Assert.Equal(1, hit));
    }

    [Fact]
    public void A_nested_call_and_a_call_beside_another_run_inline()
    {
        WorkerPool.Threads = 3;
        int[] hits = new int[11];
        WorkerPool.Run(new Nest(hits), 6);
        Assert.All(hits, hit => Assert.Equal(6, hit));

        int[][] all = [.. Enumerable.Range(0, 4).Select(_ => new int[50])];
        Thread[] callers = [.. all.Select(mine => new Thread(() => { for (int i = 0; i < 500; i++) WorkerPool.Run(new Count(mine), mine.Length); }))];
        foreach (Thread caller in callers) caller.Start();
        foreach (Thread caller in callers) caller.Join();
        Assert.All(all, mine => Assert.All(mine, hit => Assert.Equal(500, hit)));
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        WorkerPool.Threads = 2;
        int[] hits = new int[8];
        for (int call = 0; call < 100; call++) WorkerPool.Run(new Count(hits), hits.Length);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int call = 0; call < 1000; call++) WorkerPool.Run(new Count(hits), hits.Length);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4096);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1025)]
    public void A_senseless_number_of_threads_is_refused(int threads) => Assert.Throws<ArgumentOutOfRangeException>(() => WorkerPool.Threads = threads);
}
