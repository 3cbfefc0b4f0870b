using Heed.Generation.Inference;
using Xunit;

namespace Heed.Generation.Tests.Inference;

/// <summary>Who runs the loop next.</summary>
public sealed class TurnTests
{
    [Fact]
    public void A_caller_that_can_be_cancelled_gets_the_turn_although_the_pool_is_busy()
    {
        Turn turn = new();
        turn.Enter();
        using CancellationTokenSource source = new();
        ManualResetEventSlim release = new();      // not disposed: the pool may look at it later
        bool got = false;
        Thread waiting = new(() =>
        {
            turn.Enter(source.Token);
            got = true;
            turn.Leave();
        });
        waiting.Start();
        SpinWait.SpinUntil(() => (waiting.ThreadState & ThreadState.WaitSleepJoin) != 0, TimeSpan.FromSeconds(5));
        for (int i = 0; i < 200; i++) ThreadPool.QueueUserWorkItem(_ => release.Wait());
        try
        {
            turn.Leave();
            Assert.True(waiting.Join(TimeSpan.FromSeconds(5)));
        }
        finally
        {
            release.Set();
        }

        Assert.True(got);
        Assert.True(turn.TryEnter());
    }

    [Fact]
    public async Task A_caller_that_is_cancelled_leaves_the_queue_and_the_next_gets_the_turn()
    {
        Turn turn = new();
        turn.Enter();
        using CancellationTokenSource source = new();
        Exception? first = null;
        Thread cancelled = new(() => first = Record.Exception(() => turn.Enter(source.Token)));
        cancelled.Start();
        SpinWait.SpinUntil(() => (cancelled.ThreadState & ThreadState.WaitSleepJoin) != 0, TimeSpan.FromSeconds(5));
        Task next = turn.EnterAsync(CancellationToken.None);
        await source.CancelAsync();
        cancelled.Join();
        Assert.IsAssignableFrom<OperationCanceledException>(first);
        Assert.False(next.IsCompleted);
        turn.Leave();
        await next.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.False(turn.TryEnter());
    }
}
