using Heed.Engine.Kernels;
using Heed.Engine.Runtime;

namespace Heed.Engine.Tests.Runtime;

/// <summary>Native memory outlives its users (cases: u1).</summary>
public class UseCountTests
{
    [Fact]
    public void The_last_user_after_closing_frees_and_nobody_else()
    {
        UseCount uses = default;
        Assert.True(uses.TryBegin());
        Assert.True(uses.TryBegin());
        Assert.False(uses.Close());
        Assert.False(uses.TryBegin());
        Assert.False(uses.End());
        Assert.True(uses.End());
        Assert.False(uses.Close());
    }

    [Fact]
    public void Closing_without_users_frees_once()
    {
        UseCount uses = default;
        Assert.True(uses.Close());
        Assert.False(uses.Close());
        Assert.False(uses.TryBegin());
    }

    // cases: u1
    [Fact]
    public void A_weight_disposed_beside_products_gives_right_results_until_it_refuses()
    {
        for (int round = 0; round < 50; round++)
        {
            PackedMatrix weight = PackedMatrix.Pack(Enumerable.Repeat(0.5f, 96 * 64).ToArray(), 96, 64);
            int wrong = 0, refused = 0, done = 0;
            Thread[] users = [.. Enumerable.Range(0, 4).Select(i => new Thread(() =>
            {
                float[] x = Enumerable.Repeat(1f, 3 * 64).ToArray(), y = new float[3 * 96], row = new float[64];
                try
                {
                    while (true)
                    {
                        weight.Multiply(x, y, 3);
                        weight.ReadRow(5, row);
                        if (y.Any(v => v != 32) || row.Any(v => v != 0.5f)) Interlocked.Increment(ref wrong);
                        Interlocked.Increment(ref done);
                    }
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }))];
            foreach (Thread user in users) user.Start();
            SpinWait.SpinUntil(() => Volatile.Read(ref done) > 20);
            weight.Dispose();
            foreach (Thread user in users) user.Join();
            Assert.Equal(0, wrong);
            Assert.Equal(4, refused);
        }
    }
}
