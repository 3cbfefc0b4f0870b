using Heed.Engine.Runtime;
using Heed.Generation;
using Heed.Models.Files;

namespace Heed.Outsider.Tests;

/// <summary>Embeds a stream of texts that never lies in memory at once.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private readonly Workshop _workshop = new();

    [Fact]
    public async Task Any_number_of_texts_is_embedded_in_the_memory_of_one_batch()
    {
        using ComputeContext own = new(new ComputeOptions { Threads = 2, MaximumBytes = 256L << 20 });
        using HeedModel model = HeedModel.Open(_workshop.Encoder(), new LoadOptions { Context = own });
        float[] alone = model.Embed(Text(0));
        long peak = 0;
        int embedded = 0;
        foreach (string[] batch in Stream(6_400).Chunk(64))
        {
            IReadOnlyList<float[]> vectors = await model.EmbedAsync(batch);
            if (embedded == 0) Assert.Equal(alone, vectors[0]);
            embedded += vectors.Count;
            if (embedded == 640) peak = own.Memory.PeakBytes;
        }

        Assert.Equal(6_400, embedded);
        Assert.Equal(peak, own.Memory.PeakBytes);
    }

    public void Dispose() => _workshop.Dispose();

    private static IEnumerable<string> Stream(int count)
    {
        for (int i = 0; i < count; i++) yield return Text(i);
    }

    // Ten lengths that come again in every batch.
    private static string Text(int i) => string.Join(' ', Enumerable.Repeat("the cat sat on the mat", 1 + (i % 4))) + $" {i % 10}";
}
