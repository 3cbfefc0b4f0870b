using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Generation.Decoding;

namespace Heed.Generation.Beams;

/// <summary>Beam search: of many beginnings the likeliest go on, until enough texts are finished.</summary>
/// <remarks>As Hugging Face's <c>generate</c> does it; every row stands alone. Beams share the pages of what they have in common.</remarks>
internal static class BeamSearch
{
    /// <summary>Searches for every request.</summary>
    /// <returns>Prompt by prompt the best texts, best first.</returns>
    public static List<GeneratedSequence> Run(IReadOnlyList<(GenerationRequest Request, int Number)> requests, Decoder decoder, CancellationToken cancellationToken)
    {
        List<BeamRow> rows = [];
        try
        {
            foreach ((GenerationRequest request, int number) in requests) rows.Add(new BeamRow(request, number, decoder));
            while (true)
            {
                foreach (BeamRow row in rows)
                    if (row.IsWithdrawn) row.Withdraw();
                BeamRow[] active = [.. rows.Where(r => !r.IsDone)];
                if (active.Length == 0) break;
                Step(active, decoder, cancellationToken);
            }

            return [.. rows.SelectMany(r => r.Results())];
        }
        finally
        {
            foreach (BeamRow row in rows) row.Dispose();
        }
    }

    private static void Step(BeamRow[] rows, Decoder decoder, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        DecoderSequence[][] states = [.. rows.Select(r => r.States.ToArray())];
        Variable scores = decoder.Step([.. states.SelectMany(s => s)], cancellationToken);
        Tensor logProbabilities = scores.LogSoftmax().Value;                       // [Σ beams, V]
        int V = logProbabilities.Shape.Last, first = 0;
        for (int r = 0; r < rows.Length; r++)
        {
            rows[r].Advance(logProbabilities.Span.Slice(first * V, states[r].Length * V));
            first += states[r].Length;
        }
    }
}
