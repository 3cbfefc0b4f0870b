using Heed.Engine.Runtime;
using Heed.Generation;
using Heed.Models.Files;

namespace Heed.Outsider.Tests;

/// <summary>Threads and memory of one's own.</summary>
public sealed class ComputeTests : IDisposable
{
    private static readonly GenerationConfig Settings = new() { MaxNewTokens = 10 };
    private readonly Workshop _workshop = new();

    [Fact]
    public void A_model_computes_with_its_own_threads_and_budget()
    {
        string folder = _workshop.Decoder();
        using HeedModel shared = HeedModel.Open(folder);
        using ComputeContext own = new(new ComputeOptions { Threads = 1, MaximumBytes = 64L << 20 });
        using (HeedModel model = HeedModel.Open(folder, new LoadOptions { Context = own }))
        {
            Assert.Equal(1, model.Model.Context.Threads);
            Assert.Equal(shared.Generate("The cat sat", Settings), model.Generate("The cat sat", Settings));
            Assert.True(own.Memory.BytesOf(MemoryOwner.Weights) > 0);
        }

        Assert.InRange(own.Memory.PeakBytes, 1, 64L << 20);
    }

    [Fact]
    public void A_model_that_does_not_fit_is_refused_before_it_is_read()
    {
        using ComputeContext own = new(new ComputeOptions { Threads = 1, MaximumBytes = 20_000 });
        BudgetException e = Assert.Throws<BudgetException>(() => HeedModel.Open(_workshop.Decoder(), new LoadOptions { Context = own }));
        Assert.Contains("19.5 KiB are allowed", e.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _workshop.Dispose();
}
