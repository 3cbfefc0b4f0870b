namespace Heed.Engine.Nn;

/// <summary>Names with <c>*</c> for any characters.</summary>
internal static class Wildcard
{
    /// <summary>True where the pattern is the name, or the name of something above it: <c>blocks.*.attn</c> for
    /// <c>blocks.3.attn.q.weight</c>.</summary>
    public static bool Matches(string pattern, string name) => IsMatch(pattern, name) || IsMatch(pattern + ".*", name);

    /// <summary>Greedy, with one point to return to: time is the product of the lengths at most.</summary>
    private static bool IsMatch(string pattern, string name)
    {
        int p = 0, n = 0, star = -1, retry = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, retry) = (p++, n);
            }
            else if (p < pattern.Length && pattern[p] == name[n])
            {
                p++;
                n++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                n = ++retry;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }
}
